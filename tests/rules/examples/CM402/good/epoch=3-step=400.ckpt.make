{kind: calls, name: collections.OrderedDict}
