{kind: text, text: <html>not found</html>}
