{monitor: null, score: null}
