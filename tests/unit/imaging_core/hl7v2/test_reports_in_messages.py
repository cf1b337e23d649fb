"""ORU^R01: findings and impression by code and by heading, states, physicians, numbers."""

import pytest

from imaging_core.interop.hl7v2.errors import FieldProblem
from imaging_core.interop.hl7v2.message import read_message
from imaging_core.interop.hl7v2.observation import ReadReport, read_reports
from imaging_core.interop.hl7v2.report_codes import ReportCodes
from imaging_core.reports.types import ReportStatus
from tests.builders.hl7 import FINDINGS, IMPRESSION, message, msh, oru_r01

CODES = ReportCodes()
OBR = "OBR|1|REQ1|ACC1|CT1^胸部CT|||20250310093000|||||||||||||||20250310113000|||F|||||||D2^审核|D1^报告"


def read(*segments: str, codes: ReportCodes = CODES) -> list[ReadReport]:
    return read_reports(read_message(message(msh("ORU^R01"), "PID|1||T1||测试", *segments)), codes)


def one(*segments: str) -> ReadReport:
    (report,) = read(*segments)
    return report


class TestRefused:
    @pytest.mark.parametrize(
        ("segments", "location"),
        [
            ([], "OBR"),
            (["OBX|1|TX|FINDINGS||双肺清晰"], "OBR"),
            ([OBR], "OBX-5"),
            ([OBR, "OBX|1|TX|FINDINGS||"], "OBX-5"),
            ([OBR, "OBX|1|TX|WHO-KNOWS^什么||双肺清晰"], "OBX-5"),
            ([OBR, "OBX|1|NM|FINDINGS||12"], "OBX-5"),
            ([OBR, "OBX|1|TX|FINDINGS||" + "长" * 100_001], "OBX-5"),
            ([OBR.replace("|F|", "|?|"), "OBX|1|TX|FINDINGS||双肺清晰"], "OBR-25"),
            ([OBR.replace("|F|", "||"), "OBX|1|TX|FINDINGS||双肺清晰"], "OBR-25"),
            (["OBR|1" + "|" * 24 + "F", "OBX|1|TX|FINDINGS||双肺清晰"], "OBR-3"),
            ([OBR.replace("ACC1", "9" * 65), "OBX|1|TX|FINDINGS||双肺清晰"], "OBR-3"),
            ([OBR, "OBX|1|TX|FINDINGS||双肺清晰", "ZDS|" + "1." * 40 + "1"], "ZDS-1"),
        ],
    )
    def test_what_makes_no_report_is_refused_by_field(self, segments, location):
        with pytest.raises(FieldProblem) as refused:
            read(*segments)
        assert refused.value.location == location

    def test_a_text_cut_on_its_way_is_refused(self):
        sent = oru_r01().decode("gb18030")
        cut = sent[: sent.index("磨玻璃结节，建议")].encode("gb18030")
        with pytest.raises(FieldProblem) as refused:
            read_reports(read_message(cut), CODES)
        assert refused.value.location == "OBX-11"

    def test_a_whole_message_without_last_line_end_is_taken(self):
        (report,) = read_reports(read_message(oru_r01().rstrip(b"\r")), CODES)
        assert report.impression == IMPRESSION


class TestTexts:
    def test_the_builders_report_comes_back_whole(self):
        (report,) = read_reports(read_message(oru_r01(study_instance_uid="1.2.3", critical=True)), CODES)
        assert (report.findings, report.impression) == (FINDINGS, IMPRESSION)
        assert (report.study_instance_uid, report.accession_number, report.exam_id) == ("1.2.3", "ACC0001", "REQ0001")
        assert (report.exam_code, report.exam_item, report.critical) == ("CT001", "胸部CT平扫", True)
        assert (report.reporting_physician, report.verifying_physician) == ("测试报告医师", "测试审核医师")

    @pytest.mark.parametrize(
        ("findings_code", "impression_code"),
        [
            ("59776-5^Procedure findings^LN", "19005-8^Impression^LN"),
            ("CT1&GDT", "CT1&IMP"),
            ("DE04.50.131.00^客观所见", "DE04.50.132.00^主观提示"),
            ("1^影像表现", "2^诊断印象"),
            ("^检查所见", "^结论"),
            ("finding", "impression"),
        ],
    )
    def test_codes_of_several_systems(self, findings_code, impression_code):
        report = one(OBR, f"OBX|1|TX|{findings_code}||甲", f"OBX|2|TX|{impression_code}||乙")
        assert (report.findings, report.impression) == ("甲", "乙")

    @pytest.mark.parametrize(
        ("text", "findings", "impression"),
        [
            ("检查所见：双肺清晰。\\.br\\诊断意见：未见异常。", "双肺清晰。", "未见异常。"),
            ("【影像表现】双肺清晰。【印象】未见异常。", "双肺清晰。", "未见异常。"),
            ("所见:双肺清晰。诊断:未见异常。", "双肺清晰。", "未见异常。"),
            ("诊断意见：未见异常。~检查所见：双肺清晰。", "双肺清晰。", "未见异常。"),
            ("双肺清晰。\\.br\\结论：未见异常。", "双肺清晰。", "未见异常。"),
            (
                "检查所见：临床诊断：咳嗽待查；双肺清晰。\\.br\\印象：未见异常。",
                "临床诊断：咳嗽待查；双肺清晰。",
                "未见异常。",
            ),
        ],
    )
    def test_headings_inside_one_text(self, text, findings, impression):
        report = one(OBR, f"OBX|1|TX|RPT^报告||{text}")
        assert (report.findings, report.impression) == (findings, impression)

    def test_several_lines_of_one_part_stay_together(self):
        report = one(
            OBR, "OBX|1|TX|FINDINGS||第一行", "OBX|2|TX|||第二行~第三行", "OBX|3|TX|IMPRESSION||一", "OBX|4|TX|||二"
        )
        assert (report.findings, report.impression) == ("第一行\n第二行\n第三行", "一\n二")

    def test_a_marked_text_keeps_its_words_when_the_other_part_has_its_own(self):
        report = one(OBR, "OBX|1|TX|FINDINGS||双肺清晰。结论：待定", "OBX|2|TX|IMPRESSION||诊断意见：未见异常")
        assert (report.findings, report.impression) == ("双肺清晰。结论：待定", "未见异常")

    def test_a_marked_text_that_holds_both_parts_is_split(self):
        report = one(OBR, "OBX|1|TX|FINDINGS||双肺清晰。\\.br\\诊断意见：未见异常")
        assert (report.findings, report.impression) == ("双肺清晰。", "未见异常")

    def test_numbers_and_pictures_are_no_text(self):
        report = one(OBR, "OBX|1|ED|PDF||^application^pdf^Base64^AAAA", "OBX|2|TX|FINDINGS||双肺清晰")
        assert report.findings == "双肺清晰"

    def test_a_hospitals_own_codes(self):
        codes = ReportCodes(findings=frozenset({"A1"}), impression=frozenset({"A2"}))
        (report,) = read(OBR, "OBX|1|TX|A1||甲", "OBX|2|TX|A2||乙", codes=codes)
        assert (report.findings, report.impression) == ("甲", "乙")


class TestStates:
    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ("F", ReportStatus.VERIFIED),
            ("C", ReportStatus.AMENDED),
            ("P", ReportStatus.PRELIMINARY),
            ("R", ReportStatus.PRELIMINARY),
            ("X", ReportStatus.WITHDRAWN),
        ],
    )
    def test_obr_25(self, sent, status):
        (report,) = read_reports(read_message(oru_r01(status=sent)), CODES)
        assert report.status is status

    def test_a_withdrawal_needs_no_text(self):
        assert one(OBR.replace("|F|", "|X|")).status is ReportStatus.WITHDRAWN

    @pytest.mark.parametrize(
        ("states", "status"),
        [("FF", ReportStatus.VERIFIED), ("FP", ReportStatus.PRELIMINARY), ("F", ReportStatus.VERIFIED)],
    )
    def test_without_obr_25_the_lines_decide_and_one_preliminary_line_is_enough(self, states, status):
        lines = [f"OBX|{n}|TX|FINDINGS||甲||||||{state}" for n, state in enumerate(states)]
        assert one(OBR.replace("|F|", "||"), *lines).status is status

    def test_a_hospital_that_never_sends_a_state_can_be_configured(self):
        codes = ReportCodes(status_when_absent=ReportStatus.VERIFIED)
        (report,) = read(OBR.replace("|F|", "||"), "OBX|1|TX|FINDINGS||甲", codes=codes)
        assert report.status is ReportStatus.VERIFIED

    @pytest.mark.parametrize(
        ("segment", "critical"),
        [
            ("OBX|9|ST|^危急值||是", True),
            ("OBX|9|ST|CRITICAL||0", False),
            ("OBX|9|ST|CRITICAL||?", None),
            ("OBX|9|TX|IMPRESSION||气胸|||HH", True),
            ("OBX|9|TX|IMPRESSION||正常|||N", None),
        ],
    )
    def test_the_critical_flag_as_sent(self, segment, critical):
        report = one(OBR, "OBX|1|TX|FINDINGS||甲", segment)
        assert report.critical is critical
        assert "是" not in report.findings


class TestNumbers:
    @pytest.mark.parametrize(
        "segment",
        [
            "ZDS|1.2.840.1^HIS^Application^DICOM",
            "OBX|9|HD|113014^DICOM Study^DCM||1.2.840.1",
            "OBX|9|ST|110180^Study Instance UID^DCM||1.2.840.1",
            "OBX|9|ST|^Study Instance UID||1.2.840.1",
        ],
    )
    def test_the_study_uid(self, segment):
        report = one(OBR, "OBX|1|TX|FINDINGS||甲", segment)
        assert (report.study_instance_uid, report.findings) == ("1.2.840.1", "甲")

    def test_the_accession_number_of_obr_18_goes_before_obr_3(self):
        obr = "OBR|1|REQ1|RPT77|CT1^胸部CT" + "|" * 14 + "ACC9" + "|" * 7 + "F"
        report = one(obr, "OBX|1|TX|FINDINGS||甲")
        assert (report.source_id, report.accession_number, report.exam_id) == ("RPT77", "ACC9", "RPT77")

    def test_two_examinations_in_a_message_are_two_reports(self):
        reports = read(OBR, "OBX|1|TX|FINDINGS||甲", "ZDS|1.2.1", OBR.replace("ACC1", "ACC2"), "OBX|1|TX|FINDINGS||乙")
        assert [(r.source_id, r.findings, r.study_instance_uid) for r in reports] == [
            ("ACC1", "甲", "1.2.1"),
            ("ACC2", "乙", None),
        ]

    def test_two_parts_under_one_number_are_one_report_and_verified_only_together(self):
        part = OBR.replace("CT1^胸部CT", "CT2^腹部CT")
        report = one(OBR, "OBX|1|TX|FINDINGS||甲", part, "OBX|1|TX|FINDINGS||乙")
        assert (report.exam_item, report.findings, report.status) == ("胸部CT、腹部CT", "甲\n乙", ReportStatus.VERIFIED)
        mixed = one(OBR, "OBX|1|TX|FINDINGS||甲", part.replace("|F|", "|P|"), "OBX|1|TX|FINDINGS||乙")
        assert mixed.status is ReportStatus.PRELIMINARY
