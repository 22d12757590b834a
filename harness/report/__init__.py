"""One self-contained HTML page from stored runs: `harness report`.

`stored` reads the runs, `sections` turns their results into blocks of tables and charts, `answers` collects the questions
for the gallery, `payload` packs them, `thumbnails` chooses and shrinks pictures, and `page` puts all of it into the
templates. The page is a function of the stored runs alone, needs no network, and runs only the scripts whose hashes its
content security policy names.
"""
