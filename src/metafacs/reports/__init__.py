"""Reports: tables, figures, answered claims and one self-contained HTML page, made from records only."""
