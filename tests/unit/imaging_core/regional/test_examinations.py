"""What a platform tells of an examination is checked before it is used: signed is not sane."""

import pytest

from imaging_core.interop.regional import provincial
from imaging_core.interop.regional.errors import PlatformUnreachable

TOLD = {
    "ris_study_id": "1",
    "organ_code": "12340000TEST000001",
    "organ_name": "测试医院",
    "chk_modality": "CT",
    "proj_name": "胸部CT平扫",
    "hos_proj_no": "CT001",
    "chk_dt": 1_700_000_000_000,
    "has_dicom": True,
    "has_report": True,
}


@pytest.mark.parametrize("moment", [-1, 10**18, "gestern", None])
def test_a_moment_that_is_none_counts_as_no_answer(moment):
    with pytest.raises(PlatformUnreachable):
        provincial._parsed(provincial._List, {"list": [{**TOLD, "chk_dt": moment}]})


def test_the_last_moment_that_counts_can_be_told():
    told = provincial._parsed(provincial._List, {"list": [{**TOLD, "chk_dt": provincial._LAST_MOMENT}]})
    assert provincial._examination(told.list[0]).examined_at.year == 9999
