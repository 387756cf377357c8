"""The sections of the report, one module each; the order on the page is that of `reports.writer`."""
