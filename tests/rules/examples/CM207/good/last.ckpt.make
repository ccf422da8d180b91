{kind: link, to: epoch=3-step=400.ckpt}
