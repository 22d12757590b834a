"""What people are asked in a study, and what their answers say: for plugins that ask people."""

from harness.people.opinions import Opinion, agreement, opinion_columns
from harness.people.survey import (
    Survey,
    SurveyPicture,
    SurveyQuestion,
    as_json,
    from_json,
    shown_file,
    survey,
)

__all__ = [
    "Opinion",
    "Survey",
    "SurveyPicture",
    "SurveyQuestion",
    "agreement",
    "as_json",
    "from_json",
    "opinion_columns",
    "shown_file",
    "survey",
]
