"""Datasets in an HDF5 file."""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.sources._frames import file_fingerprint
from declare.contract.facts import Reader
from declare.contract.kinds.source import Extensions, Source, SpecPath


class Hdf5(Source):
    """An HDF5 file: every dataset of a group is a column, its first axis the samples.

    Datasets below further groups are columns by their path (`stimuli/images`). Large ones are read row by row when
    they are needed. Links into other files, and data that stand outside the file, are refused. Attributes of NetCDF
    (`scale_factor`, `add_offset`, `_FillValue`, `missing_value`, `valid_range`, `_Unsigned`) say what stored numbers
    mean: the columns are what they stand for, in double precision, and have gaps. Scalars, tables of several types,
    references and coordinates of other axes are passed over and counted.

    Example:
        ```yaml
        source: {type: hdf5, path: recording.h5}
        ```
    """

    extensions: ClassVar[Extensions] = {".h5": {}, ".hdf5": {}, ".nc": {}}
    also_called: ClassVar[tuple[str, ...]] = ("h5", "h5py")

    path: SpecPath = Param(description="the HDF5 file")
    group: str = Param("/", description="the group that holds the columns")
    mask_and_scale: bool = Param(
        True, description="whether numbers are scaled, and gaps found, as attributes of NetCDF say"
    )

    def fingerprint(self) -> str:
        """Return the file's size and time of change."""
        return file_fingerprint(self.path)

    def open(self) -> Reader:
        """Open the file; raises `ProblemError` DAT302, DAT312, DAT317, DAT333 or DAT335."""
        from declare.components.sources._hdf5 import Hdf5Reader

        file_fingerprint(self.path)
        return Hdf5Reader(self.path, self.group, unpack=self.mask_and_scale)
