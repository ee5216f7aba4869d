"""What the book's cells share: pictures in one style, rows of the catalogue, benchmark tables.

* ``picture``  a plot that reads well on light and dark pages
* ``rows``     rows of the documents' catalogue, and their numbers beside ours
* ``results``  the tables of benchmarks/RESULTS.md, as data
"""
