"""The study: experiments by name, published numbers, tables, figures and sudden drops."""
