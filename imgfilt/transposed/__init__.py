"""Transposed convolution, with PyTorch's meaning: a kernel added to the output for each element of the input.

`api` has the public functions, `geometry` the sizes and phases, `problem` one transposed convolution as a backend
sees it, `backends` the ways to do it, `planner` the choice between them.
"""
