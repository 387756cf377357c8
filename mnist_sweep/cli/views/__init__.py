"""What commands print in a terminal: values in, text out."""
