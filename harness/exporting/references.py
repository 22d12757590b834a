"""Publications that results rest on, with what BibTeX and a list of references say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One entry of a bibliography. Fields are BibTeX's, authors are "Family, Given"; an institution is one name in braces."""

    key: str
    kind: str
    authors: tuple[str, ...]
    title: str
    year: str
    fields: Mapping[str, str]

    @property
    def label(self) -> str:
        """How a text names it: "Korn and Graubard 1998"."""
        families = [author.strip("{}").partition(",")[0] for author in self.authors]
        names = f"{families[0]} et al." if len(families) > 2 else " and ".join(families)
        return f"{names} {self.year}".strip()

    def bibtex(self) -> str:
        """The entry in BibTeX."""
        fields = {"author": " and ".join(self.authors), "title": f"{{{self.title}}}", **self.fields}
        if self.year:
            fields["year"] = self.year
        inner = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@{self.kind}{{{self.key},\n{inner}\n}}"

    def text(self) -> str:
        """The entry as one line of a list of references."""
        names = [_in_order(author) for author in self.authors]
        authors = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        given = self.fields
        where = [given.get("journal") or given.get("booktitle") or given.get("publisher") or ""]
        if "volume" in given:
            number = f"({given['number']})" if "number" in given else ""
            where[0] += f" {given['volume']}{number}"
        where += [given["pages"].replace("--", "-")] if "pages" in given else []
        where += [f"arXiv:{given['eprint']}"] if "eprint" in given else []
        where += [given["note"]] if "note" in given else []
        place = ", ".join(part for part in where if part)
        year = f" ({self.year})" if self.year else ""
        return f"{authors}{year}. {self.title}. {place}."


def _in_order(author: str) -> str:
    family, comma, given = author.strip("{}").partition(", ")
    return f"{given} {family}" if comma else family


def _paper(key: str, authors: Sequence[str], title: str, year: str, **fields: str) -> Reference:
    kind = "book" if "publisher" in fields else "inproceedings" if "booktitle" in fields else "article"
    kind = "misc" if "eprint" in fields and kind == "article" else kind
    if "eprint" in fields:
        fields["archiveprefix"] = "arXiv"
    return Reference(key, kind, tuple(authors), title, year, fields)


_Q_FUTURE = ("Wu, Haoning", "Zhang, Zicheng")
PUBLICATIONS = {
    reference.key: reference
    for reference in (
        _paper(
            "zhou2024memobench",
            ["Zhou, Yingjie", "Zhang, Zicheng", "Cao, Jiezhang", "Jia, Jun", "Jiang, Yanwei", "Wen, Farong",
             "Liu, Xiaohong", "Min, Xiongkuo", "Zhai, Guangtao"],
            "MEMO-Bench: A Multiple Benchmark for Text-to-Image and Multimodal Large Language Models on Human Emotion Analysis",
            "2024", eprint="2411.11235",
        ),
        _paper(
            "korn1998proportions", ["Korn, Edward L.", "Graubard, Barry I."],
            "Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
            "1998", journal="Survey Methodology", volume="24", number="2", pages="193--201",
        ),
        _paper(
            "field2007clustered", ["Field, Christopher A.", "Welsh, Alan H."], "Bootstrapping clustered data", "2007",
            journal="Journal of the Royal Statistical Society: Series B", volume="69", number="3", pages="369--390",
        ),
        _paper(
            "wolter2007variance", ["Wolter, Kirk M."], "Introduction to Variance Estimation", "2007",
            publisher="Springer", edition="2",
        ),
        _paper(
            "good2005permutation", ["Good, Phillip I."], "Permutation, Parametric and Bootstrap Tests of Hypotheses",
            "2005", publisher="Springer", edition="3",
        ),
        _paper(
            "holm1979multiple", ["Holm, Sture"], "A simple sequentially rejective multiple test procedure", "1979",
            journal="Scandinavian Journal of Statistics", volume="6", number="2", pages="65--70",
        ),
        _paper(
            "guo2017calibration", ["Guo, Chuan", "Pleiss, Geoff", "Sun, Yu", "Weinberger, Kilian Q."],
            "On Calibration of Modern Neural Networks", "2017",
            booktitle="International Conference on Machine Learning",
        ),
        _paper(
            "kumar2019verified", ["Kumar, Ananya", "Liang, Percy", "Ma, Tengyu"], "Verified Uncertainty Calibration",
            "2019", booktitle="Advances in Neural Information Processing Systems", volume="32", eprint="1909.10155",
        ),
        _paper(
            "brier1950verification", ["Brier, Glenn W."],
            "Verification of forecasts expressed in terms of probability", "1950",
            journal="Monthly Weather Review", volume="78", number="1", pages="1--3",
        ),
        _paper(
            "cohen1960kappa", ["Cohen, Jacob"], "A coefficient of agreement for nominal scales", "1960",
            journal="Educational and Psychological Measurement", volume="20", number="1", pages="37--46",
        ),
        _paper(
            "horowitz2000missing", ["Horowitz, Joel L.", "Manski, Charles F."],
            "Nonparametric Analysis of Randomized Experiments with Missing Covariate and Outcome Data", "2000",
            journal="Journal of the American Statistical Association", volume="95", number="449", pages="77--84",
        ),
        _paper(
            "krippendorff2004content", ["Krippendorff, Klaus"],
            "Content Analysis: An Introduction to Its Methodology", "2004", publisher="Sage", edition="2",
        ),
        _paper(
            "shrout1979intraclass", ["Shrout, Patrick E.", "Fleiss, Joseph L."],
            "Intraclass correlations: Uses in assessing rater reliability", "1979",
            journal="Psychological Bulletin", volume="86", number="2", pages="420--428",
        ),
        _paper(
            "angelopoulos2023ppi",
            ["Angelopoulos, Anastasios N.", "Bates, Stephen", "Fannjiang, Clara", "Jordan, Michael I.", "Zrnic, Tijana"],
            "Prediction-powered inference", "2023",
            journal="Science", volume="382", number="6671", pages="669--674",
        ),
        _paper(
            "angelopoulos2023ppipp", ["Angelopoulos, Anastasios N.", "Duchi, John C.", "Zrnic, Tijana"],
            "PPI++: Efficient Prediction-Powered Inference", "2023", eprint="2311.01453",
        ),
        _paper(
            "wu2023qbench",
            [*_Q_FUTURE, "Zhang, Erli", "Chen, Chaofeng", "Liao, Liang", "Wang, Annan", "Li, Chunyi", "Sun, Wenxiu",
             "Yan, Qiong", "Zhai, Guangtao", "Lin, Weisi"],
            "Q-Bench: A Benchmark for General-Purpose Foundation Models on Low-level Vision", "2023",
            eprint="2309.14181",
        ),
        _paper(
            "wu2023qalign",
            [*_Q_FUTURE, "Zhang, Weixia", "Chen, Chaofeng", "Liao, Liang", "Li, Chunyi", "Gao, Yixuan", "Wang, Annan",
             "Zhang, Erli", "Sun, Wenxiu", "Yan, Qiong", "Min, Xiongkuo", "Zhai, Guangtao", "Lin, Weisi"],
            "Q-Align: Teaching LMMs for Visual Scoring via Discrete Text-Defined Levels", "2023", eprint="2312.17090",
        ),
    )
}  # fmt: skip


def software(version: str) -> Reference:
    """The entry of this software in the version that ran."""
    title = "memobench: human emotion, portrayed and recognised by generative models"
    return Reference(
        "memobench",
        "misc",
        ("{The memobench authors}",),
        title,
        "",
        {"howpublished": "Software", "note": f"Version {version}"},
    )


def labels(references: Sequence[Reference]) -> dict[str, str]:
    """How a text names each: by key, with a letter after the year where two would have one name."""
    found: dict[str, str] = {}
    for reference in references:
        same = [other for other in references if other.label == reference.label]
        letter = "abcdefgh"[same.index(reference)] if len(same) > 1 else ""
        found[reference.key] = reference.label + letter
    return found
