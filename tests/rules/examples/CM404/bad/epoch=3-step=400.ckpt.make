{kind: truncated}
