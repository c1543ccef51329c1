"""Datasets in an HDF5 file."""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.sources._frames import file_fingerprint
from declare.contract.facts import Reader
from declare.contract.kinds.source import Extensions, Source, SpecPath


class Hdf5(Source):
    """An HDF5 file: every dataset of a group is a column, with samples along its first axis.

    Datasets in nested groups are columns named by their path (`stimuli/images`). Large datasets are read row
    by row on demand. Links to other files, and data outside the file, are refused. NetCDF attributes
    (`scale_factor`, `add_offset`, `_FillValue`, `missing_value`, `valid_range`, `_Unsigned`) define how
    stored numbers are unpacked: columns contain the unpacked values, in double precision, with gaps. Scalars,
    compound types, references and coordinates of other axes are skipped and counted.

    Example:
        ```yaml
        source: {type: hdf5, path: recording.h5}
        ```
    """

    extensions: ClassVar[Extensions] = {".h5": {}, ".hdf5": {}, ".nc": {}}
    also_called: ClassVar[tuple[str, ...]] = ("h5", "h5py")

    path: SpecPath = Param(description="the HDF5 file")
    group: str = Param("/", description="the group that contains the columns")
    mask_and_scale: bool = Param(True, description="apply NetCDF attributes: scale numbers and mark gaps")

    def fingerprint(self) -> str:
        """Return the file's size and modification time."""
        return file_fingerprint(self.path)

    def open(self) -> Reader:
        """Open the file; raises `ProblemError` DAT302, DAT312, DAT317, DAT333 or DAT335."""
        from declare.components.sources._hdf5 import Hdf5Reader

        file_fingerprint(self.path)
        return Hdf5Reader(self.path, self.group, unpack=self.mask_and_scale)
