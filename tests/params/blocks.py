from pipeline.params.sections import SECTIONS as SECTIONS
