"""dladvisor: describe what your training run does, get the tricks that fit."""
