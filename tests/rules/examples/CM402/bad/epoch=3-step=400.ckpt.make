{kind: calls, name: ours.enums.Phase}
