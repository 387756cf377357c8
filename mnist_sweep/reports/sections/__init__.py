"""The sections of the report, one module each; `reports.writer` has their order on the page."""
