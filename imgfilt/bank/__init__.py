"""Filter banks: many kernels over many channels at once, with PyTorch's meaning of a 2-D convolution.

`api` has the public functions, `geometry` what strides and paddings mean, `problem` one convolution as a backend
sees it, `layouts` the orders of axes, `backends` the ways to do it, `planner` the choice between them.
"""
