{kind: link, to: pruned.ckpt}
