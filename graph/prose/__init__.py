"""Whether a sentence says nothing but what the result says. Pure code, no model.

| module | looks at |
|---|---|
| ``figures``, ``number_words`` | numbers in digits and in the words of four languages |
| ``dates`` | dates and times of day |
| ``sheet`` | the result: labels, numbers, moments, which columns are percentages or can be added up |
| ``anchors`` | which row and which column a figure belongs to |
| ``arithmetic`` | a sum, a difference, a share, a multiple that the sentence states |
| ``claims`` | halves, vague shares, "there are none" |
| ``units``, ``names`` | currencies, units and names that were made up |
| ``check`` | all of it together: ``unfounded`` |
"""

from graph.prose.check import unfounded

__all__ = ["unfounded"]
