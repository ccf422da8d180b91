{extra: {cleval_metrics: {precision: 0.875, recall: 0.875, hmean: 0.875}}}
