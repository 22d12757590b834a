"""Charts of results, as Altair charts: for the page, and for figures in papers.

Every chart takes records (`harness.results`, sample rows, a leaderboard) and shows their numbers unchanged. Its colours
come from the configuration alone (`harness.charts.theme.config`), so that one specification serves light and dark pages and
papers. Modules here need the extra `report`, except `names`.
"""
