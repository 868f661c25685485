"""The other side of every cell: for each filter the chains of OpenCV calls that a competent user would write for it.

    library  cv2 itself: imported with the instruction set that imgfilt has
    chain    what makes a contender of some calls
    edges    derivatives, magnitudes, Canny
    linear   kernels, blurs, sharpening
    area     median, bilateral, sums, pyramids

Every chain writes into arrays made beforehand. Where more than one chain comes to mind all are here; the benchmark
takes the fastest in each cell.
"""
