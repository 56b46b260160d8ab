"""Tables of end users as people make them: read, understood, put into SI units, filled and judged.

``grids`` knows files and nothing of users, ``numerals`` how people write numbers, ``headings``
which column is meant, ``slips`` which values smell wrong. ``reading`` puts them together, and
``template`` writes a table to begin with.
"""
