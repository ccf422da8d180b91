{kind: safetensors}
