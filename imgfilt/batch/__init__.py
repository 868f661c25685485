"""Folders of files: sources -> jobs -> executor -> results.

    sources     which files: names, folders, lists
    targets     where each result goes, and that no two go to one place
    work        what is done with a file: read, filter, write; one `Result` each
    depth       results in 8, 16 or 32 bits, as asked for
    budget      how many threads and how much memory a file may have
    stop        ending early without half-written files
    journal     what was done, so that a later run can go on
    executors   the table of ways to run jobs
    results     what became of a file, and the sum of all
    watching    new files in a folder, as they come

Nothing here prints; the command line does. Modules import what they need late: a batch of one small file must
not wait for what only folders use.
"""
