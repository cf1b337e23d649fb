"""The indicators: each a share of studies, with its definition in the words of those who answer for it.

Only what our tables hold is counted. What the archive never receives (the PACS's own number of images, the
department and ID number of the physician, the complaint) has no indicator here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, extract, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from imaging_core.documents.tables import DocumentRow
from imaging_core.domain.grants import Holder
from imaging_core.index.tables import SeriesRow, StudyRow
from imaging_core.interop.regional.tables import RegistrationRow
from imaging_core.normalise.tables import NormalisedSeriesRow, NormalisedStudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.quality.source import CurrentReport
from imaging_core.reports.types import ReportStatus
from imaging_core.sharing.links import LinkKind
from imaging_core.sharing.tables import DownloadRow, GrantRow, LinkRow

HOURS = 24
"""Within which report and images are expected. Our own figure: no binding text is known to us."""


class Group(StrEnum):
    """What an indicator speaks of."""

    IMAGES = "影像资料"
    REPORTS = "检查报告"
    PATIENTS = "患者服务"
    REGION = "区域平台"


class Want(StrEnum):
    """What a hospital works towards."""

    MORE = "more"
    FEWER = "fewer"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Indicator:
    """The share of `counted` among those studies that are `among`."""

    key: str
    group: Group
    want: Want
    name: str
    definition: str
    numerator: str
    denominator: str
    among: ColumnElement[bool]
    counted: ColumnElement[bool]


def _filled(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return func.trim(column) != ""


def _of_study(row: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:  # noqa: ANN401  # any table by study
    return (
        select(row.id)
        .where(
            row.institution_code == StudyRow.institution_code,
            row.study_instance_uid == StudyRow.study_instance_uid,
            *conditions,
        )
        .correlate(StudyRow)
        .exists()
    )


def _within_hours(earlier: InstrumentedAttribute[Any], later: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    # seconds since 1970 are the one form of a difference that SQLite and PostgreSQL share
    seconds = extract("epoch", later) - extract("epoch", earlier)
    return seconds.between(0, HOURS * 3600)


_ALL = true()
_MATCHED = StudyRow.patient_key.is_not(None)
_REPORTED = CurrentReport.id.is_not(None)
_TIMED = and_(_REPORTED, CurrentReport.examined_at.is_not(None), CurrentReport.reported_at.is_not(None))
_ALL_WORDS = "期内有影像的全部检查"
_REPORTED_WORDS = "期内有已审核报告的检查"

_NORMALISED = _of_study(NormalisedStudyRow, NormalisedStudyRow.normalised_at.is_not(None))
_NORMALISED_PART = _of_study(
    NormalisedStudyRow,
    select(NormalisedSeriesRow.id)
    .where(NormalisedSeriesRow.study_id == NormalisedStudyRow.id, _filled(NormalisedSeriesRow.body_part))
    .correlate(NormalisedStudyRow)
    .exists(),
)
_RECEIVED_PART = (
    select(SeriesRow.id)
    .where(SeriesRow.study_id == StudyRow.id, _filled(SeriesRow.body_part_examined))
    .correlate(StudyRow)
    .exists()
)

_IMAGES = (
    Indicator(
        "patient_matched",
        Group.IMAGES,
        Want.MORE,
        "患者匹配率",
        "影像按患者编号归到已登记的患者，且姓名等信息不矛盾。",
        "已归到登记患者的检查",
        _ALL_WORDS,
        _ALL,
        _MATCHED,
    ),
    Indicator(
        "person_consistent",
        Group.IMAGES,
        Want.MORE,
        "影像与登记一致率",
        "影像里的性别、出生日期与登记（ADT）的完全相同。任何一边没有填写的不计入分母。",
        "性别和出生日期都相同的检查",
        "已匹配患者、且两边都有性别和出生日期的检查",
        and_(
            _MATCHED,
            _filled(StudyRow.patient_sex),
            _filled(PatientRow.sex),
            StudyRow.patient_birth_date.is_not(None),
            PatientRow.birth_date.is_not(None),
        ),
        and_(StudyRow.patient_sex == PatientRow.sex, StudyRow.patient_birth_date == PatientRow.birth_date),
    ),
    Indicator(
        "person_complete",
        Group.IMAGES,
        Want.MORE,
        "患者信息完整率",
        "影像里患者编号、姓名、性别、出生日期都已填写。",
        "四项都有的检查",
        _ALL_WORDS,
        _ALL,
        and_(
            _filled(StudyRow.patient_id),
            _filled(StudyRow.patient_name),
            _filled(StudyRow.patient_sex),
            StudyRow.patient_birth_date.is_not(None),
        ),
    ),
    Indicator(
        "id_number_registered",
        Group.IMAGES,
        Want.MORE,
        "证件号登记率",
        "检查所属患者登记了居民身份证号；没有它不能跨院识别患者。",
        "患者登记了身份证号的检查",
        "已归到登记患者的检查",
        _MATCHED,
        PatientRow.id_number_index.is_not(None),
    ),
    Indicator(
        "accession_present",
        Group.IMAGES,
        Want.MORE,
        "检查号完整率",
        "影像里填写了检查号（Accession Number）。",
        "有检查号的检查",
        _ALL_WORDS,
        _ALL,
        _filled(StudyRow.accession_number),
    ),
    Indicator(
        "time_present",
        Group.IMAGES,
        Want.MORE,
        "检查时间完整率",
        "影像里除检查日期外，还填写了检查时间（Study Time）。",
        "有检查时间的检查",
        _ALL_WORDS,
        _ALL,
        _filled(StudyRow.study_time),
    ),
    Indicator(
        "body_part_present",
        Group.IMAGES,
        Want.MORE,
        "检查部位完整率",
        "至少一个序列的检查部位能认出：规整过的以规整结果为准，没有规整的看是否填写（Body Part Examined）。",
        "能认出检查部位的检查",
        _ALL_WORDS,
        _ALL,
        or_(_NORMALISED_PART, and_(~_NORMALISED, _RECEIVED_PART)),
    ),
    Indicator(
        "images_ready",
        Group.IMAGES,
        Want.MORE,
        "影像可调阅率",
        "影像已处理好，可以在网页上打开。",
        "影像已可在网页打开的检查",
        _ALL_WORDS,
        _ALL,
        StudyRow.manifest_version.is_not(None),
    ),
    Indicator(
        "images_in_time",
        Group.IMAGES,
        Want.MORE,
        "影像上传及时率",
        f"首幅影像在检查时间（取自报告）之后 {HOURS} 小时内到达；早于检查时间的视为时间有误，不计为及时。",
        f"首幅影像在 {HOURS} 小时内到达的检查",
        "期内有已审核报告、且报告写明检查时间的检查",
        and_(_REPORTED, CurrentReport.examined_at.is_not(None)),
        _within_hours(CurrentReport.examined_at, StudyRow.first_received_at),
    ),
)

_REPORTS = (
    Indicator(
        "reported",
        Group.REPORTS,
        Want.MORE,
        "影像报告匹配率",
        "影像有对应的已审核报告；初步报告和已撤回的不算。",
        "有已审核报告的检查",
        _ALL_WORDS,
        _ALL,
        _REPORTED,
    ),
    Indicator(
        "report_complete",
        Group.REPORTS,
        Want.MORE,
        "报告内容完整率",
        "报告的检查所见和诊断意见都不是空的。",
        "检查所见和诊断意见都有的检查",
        _REPORTED_WORDS,
        _REPORTED,
        and_(_filled(CurrentReport.findings), _filled(CurrentReport.impression)),
    ),
    Indicator(
        "item_coded",
        Group.REPORTS,
        Want.MORE,
        "检查项目编码完整率",
        "报告写明检查项目的名称和院内编码。",
        "项目名称和编码都有的检查",
        _REPORTED_WORDS,
        _REPORTED,
        and_(_filled(CurrentReport.exam_code), _filled(CurrentReport.exam_item)),
    ),
    Indicator(
        "report_signed",
        Group.REPORTS,
        Want.MORE,
        "报告署名完整率",
        "报告写明报告医师和审核医师。",
        "报告医师和审核医师都有的检查",
        _REPORTED_WORDS,
        _REPORTED,
        and_(_filled(CurrentReport.reporting_physician), _filled(CurrentReport.verifying_physician)),
    ),
    Indicator(
        "report_timed",
        Group.REPORTS,
        Want.MORE,
        "报告时间完整率",
        "报告写明检查时间和报告时间。",
        "检查时间和报告时间都有的检查",
        _REPORTED_WORDS,
        _REPORTED,
        _TIMED,
    ),
    Indicator(
        "report_in_time",
        Group.REPORTS,
        Want.MORE,
        "报告及时率",
        f"当前报告在检查时间之后 {HOURS} 小时内发出；早于检查时间的视为时间有误，不计为及时。",
        f"报告在 {HOURS} 小时内发出的检查",
        "报告写明检查时间和报告时间的检查",
        _TIMED,
        _within_hours(CurrentReport.examined_at, CurrentReport.reported_at),
    ),
    Indicator(
        "critical_stated",
        Group.REPORTS,
        Want.MORE,
        "危急值标志填报率",
        "报告说明了是否危急值；没有说明的，既不算危急也不算正常。",
        "说明了是否危急值的检查",
        _REPORTED_WORDS,
        _REPORTED,
        CurrentReport.critical.is_not(None),
    ),
    Indicator(
        "critical",
        Group.REPORTS,
        Want.NEITHER,
        "危急值报告占比",
        "报告标为危急值。",
        "标为危急值的检查",
        "报告说明了是否危急值的检查",
        and_(_REPORTED, CurrentReport.critical.is_not(None)),
        CurrentReport.critical.is_(True),
    ),
    Indicator(
        "amended",
        Group.REPORTS,
        Want.FEWER,
        "报告更正率",
        "已审核的报告发布后又作了更正。",
        "当前报告是更正版的检查",
        _REPORTED_WORDS,
        _REPORTED,
        CurrentReport.status == ReportStatus.AMENDED,
    ),
    Indicator(
        "document_uploaded",
        Group.REPORTS,
        Want.MORE,
        "电子报告单上传率",
        "医院上传了 PDF 或 JPG 电子报告单。",
        "有电子报告单的检查",
        _REPORTED_WORDS,
        _REPORTED,
        _of_study(DocumentRow),
    ),
)

_PATIENTS = (
    Indicator(
        "link_issued",
        Group.PATIENTS,
        Want.MORE,
        "报告二维码生成率",
        "已为报告生成患者扫码用的二维码。",
        "已生成二维码的检查",
        _REPORTED_WORDS,
        _REPORTED,
        _of_study(LinkRow, LinkRow.kind == LinkKind.REPORT_QR),
    ),
    Indicator(
        "opened",
        Group.PATIENTS,
        Want.MORE,
        "患者查阅率",
        "患者本人通过身份验证，从这次检查的链接进入过。从另一次检查进入后顺带看到的不算。",
        "患者本人进入过的检查",
        _REPORTED_WORDS,
        _REPORTED,
        _of_study(GrantRow, GrantRow.holder == Holder.PATIENT, GrantRow.patient_key == StudyRow.patient_key),
    ),
    Indicator(
        "shared",
        Group.PATIENTS,
        Want.NEITHER,
        "患者分享占比",
        "患者至少分享过一次，含已到期和已取消的。",
        "分享过的检查",
        _REPORTED_WORDS,
        _REPORTED,
        _of_study(LinkRow, LinkRow.kind == LinkKind.SHARE),
    ),
    Indicator(
        "download_prepared",
        Group.PATIENTS,
        Want.NEITHER,
        "患者下载占比",
        "患者至少生成过一次提取码，准备下载影像包。",
        "生成过提取码的检查",
        _REPORTED_WORDS,
        _REPORTED,
        _of_study(DownloadRow, DownloadRow.patient_key == StudyRow.patient_key),
    ),
)

_REGION = (
    Indicator(
        "registered",
        Group.REGION,
        Want.MORE,
        "区域平台登记率",
        "检查已登记到区域平台。没有接入区域平台时没有数据；报告已撤回的不计入分母。",
        "已登记的检查",
        "应登记到区域平台的检查",
        # the states of RegistrationRow
        _of_study(RegistrationRow, RegistrationRow.state != "withdrawn"),
        _of_study(RegistrationRow, RegistrationRow.state == "registered"),
    ),
)

INDICATORS = (*_IMAGES, *_REPORTS, *_PATIENTS, *_REGION)
