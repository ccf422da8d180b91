{kind: calls, name: os.system}
