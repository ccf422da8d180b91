{monitor: null, score: null, extra: {cleval_metrics: {hmean: .nan}}}
