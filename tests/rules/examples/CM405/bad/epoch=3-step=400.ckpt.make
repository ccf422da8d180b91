{kind: twice}
