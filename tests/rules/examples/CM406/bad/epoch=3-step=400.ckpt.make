{kind: damaged}
