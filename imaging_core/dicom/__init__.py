"""DICOM files: headers, character sets, transfer syntaxes, frames, DICOM JSON. The only importer of pydicom."""
