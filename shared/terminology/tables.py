"""Reading of the terminology's data files."""

import csv
from importlib.resources import files


def read(name: str) -> list[dict[str, str]]:
    """The rows of one data file, by column name.

    Args:
        name: File name below `data/`, without `.csv`.

    Raises:
        FileNotFoundError: The installation lacks its data.
        ValueError: A row has more or fewer columns than the header.
    """
    text = files("shared.terminology").joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    header, *lines = csv.reader(text.splitlines())
    try:
        return [dict(zip(header, line, strict=True)) for line in lines]
    except ValueError as error:
        message = f"{name}.csv has a row whose columns do not match its header {header}; restore the file"
        raise ValueError(message) from error
