"""`imgfilt bench`: this machine's speed against OpenCV's, on the same work, in the same process.

The matrix of filters, dtypes, channels, sizes and threads:

    case      what is compared: one filter, dtype and channel count; our call and the other side's chains
    cases     all of them
    sizes     the sizes at which they are run
    opencv    the other side's chains
    others    other packages, where a reader asks for them
    compare   whether two results are the same, before anything is timed
    clock     both sides in turn, ratio pair by pair
    session   a cell from start to end
    neighbours  what other processes do meanwhile
    limits    what this machine can do at most
    overhead  what a call costs beside its pixels
    machine   what the figures were measured on
    summary   what the cells say together: means, losses, goals
    history   earlier runs, and what got slower since
    report    cells as a table
    pictures  cells as pictures

Benchmarks of their own:

    files     whole folders, against a script of OpenCV and a loop of vips
    banks     filter banks, against PyTorch
    transposed  all methods of transposed convolution
    planner_sweep  the planner's choice against the fastest backend, on random problems
    memory    what a call adds to this process at its peak

OpenCV, rich and Matplotlib are imported here only, and only when a benchmark runs.
"""
