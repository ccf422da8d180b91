extra: {loops: {fit_loop: {epoch_loop.state_dict: {_batches_that_stepped: 400}}}}
