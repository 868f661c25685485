"""`imgfilt bench`: this machine's speed against OpenCV's, on the same work, in the same process.

    case      what is compared: one filter, dtype and channel count; our call and the other side's chains
    cases     all of them
    sizes     the sizes at which they are run
    opencv    the other side's chains
    compare   whether two results are the same, before anything is timed
    clock     both sides in turn, ratio pair by pair
    overhead  what a call costs beside its pixels
    files     whole folders, against a script of OpenCV and a loop of vips
    machine   what the figures were measured on
    report    a row as a table's line or as JSON
    session   all of it in order
    memory    what a call adds to this process at its peak
    transposed  all methods of transposed convolution, a benchmark of its own
    planner_sweep  the planner's choice against the fastest backend, on random problems

OpenCV and rich are imported here only, and only when a benchmark runs.
"""
