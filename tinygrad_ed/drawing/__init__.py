"""The graph of a computation as an SVG of our own: a reading of the tape.

draw     `tg.draw`: options, and the drawing with its file
graph    the tape as boxes and edges
groups   which results belong to which layer
facts    what a box says: shapes, numbers, gradients
layers   ranks, lanes for long edges, few crossings
places   coordinates
routes   the ways of the edges
shapes   the shapes of the boxes
text     widths, cutting, escaping
theme    colours and style sheet
svg      the layout of a graph, and its text
"""

from .draw import Drawing, draw

__all__ = ["Drawing", "draw"]
