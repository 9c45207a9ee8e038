"""Settings of this service, beside those that every service has."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.access_control.domain.odd import Usual
from services.access_control.domain.policy import Policy
from shared.settings import Environment, ServiceSettings
from shared.terminology.ins import INS_OIDS, TEST_INS_OIDS


class Settings(ServiceSettings):
    """access_control's own settings."""

    permit_key_file: Path | None = Field(
        None, description="Private JWK (Ed25519) that signs permits; its id begins with access_control"
    )
    hash_key_file: Path | None = Field(
        None, description="This service's own key of the index from INS to record, 64 hexadecimal digits"
    )
    professionals_may_open: bool = Field(
        default=True, description="Professionals may open a record for a person who has none and is not opposed"
    )
    feeding_needs_consent: bool = Field(
        default=True, description="Professions of R94, R95 and R291 deposit with the holder's consent alone (AR-003)"
    )
    occupational_medicine: bool = Field(
        default=False,
        description="Occupational medicine reads and feeds with express consent, in the doctors' column (AR-047)",
    )
    pmi_needs_consent: bool = Field(
        default=True, description="A doctor of maternal and child protection needs a relation to the holder (AR-050)"
    )
    session_consent_h: int = Field(
        4, ge=1, le=4, description="Longest that a consent at the consultation holds, in hours (AR-010)"
    )
    team_consent_days: int = Field(
        365, ge=1, description="Longest that an initial consent to a care team holds, in days (AR-008)"
    )
    block_ends_delegations: bool = Field(
        default=True,
        description="A professional who is blocked does not act for the holder as a delegate either (AR-018)",
    )
    majority_notice_days: int = Field(
        30,
        ge=0,
        description="A minor and his representatives are told so many days before he comes of age (AR-045)",
    )
    invitation_days: int = Field(
        30, ge=1, description="How long an invitation to act for the holder waits for its answer, in days"
    )
    emergency_minutes: int = Field(
        30, ge=1, le=240, description="How long an emergency lasts for one professional on one record, in minutes"
    )
    break_glass_per_day: int = Field(
        5, ge=0, description="Beyond it a professional's bris de glace of one day raise an event for review, no refusal"
    )
    regulation_per_day: int = Field(
        50, ge=0, description="The same for a regulating doctor's accesses of one day in the mode centre_15"
    )
    break_glass_confirmed: bool = Field(
        default=False,
        description="Beyond that number a colleague confirms each bris de glace; never centre_15",
    )
    odd_records_per_hour: int = Field(
        60, ge=1, description="Beyond it one professional's reads of different records in a clock hour raise an event"
    )
    odd_unrelated_per_hour: int = Field(
        10, ge=0, description="The same of different records asked for without any care relation, refused or permitted"
    )
    odd_break_glass_per_hour: int = Field(
        3, ge=0, description="The same of emergencies begun in the mode bris_de_glace"
    )
    case_answer_days: int = Field(
        30, ge=1, description="When the answer to a contested access is due, in days (GDPR, article 12(3): one month)"
    )
    extract_approval_days: int = Field(
        7,
        ge=1,
        le=30,
        description="An approved extract for an heir or court expert is taken within so many days (AR-065)",
    )
    opposition_days: int = Field(
        42, ge=1, description="A person may oppose an automatic opening for so many days (CSP R.1111-28, AR-001)"
    )
    objection_days: int = Field(
        42, ge=1, description="A holder may object to a suspension for so many days (CSP R.1111-36, AR-057)"
    )
    archive_years: int = Field(
        10, ge=1, description="A closed record is kept for so many years, then deleted (CSP R.1111-36, AR-054)"
    )
    archive_notice_days: int = Field(
        30, ge=1, description="Its holder is told so many days before at least, and may reopen it (AR-054, AR-056)"
    )
    deletion_days: int = Field(
        90, ge=1, le=90, description="In which an express deletion has to be done, in days (CSP R.1111-36, AR-055)"
    )
    deletion_repeat_h: int = Field(
        24,
        ge=1,
        le=24,
        description="A deletion is told again where it is not confirmed after so many hours",
    )
    requests_max_batch: int = Field(200, ge=1, description="Reads and rights commands at most in one transaction")
    deposits_max_batch: int = Field(
        250, ge=1, description="Deposits at most in one transaction; a read of the same partition waits for one"
    )

    @property
    def accepted_oids(self) -> frozenset[str]:
        """The kinds of INS accepted: of test people inside `local`, of real ones elsewhere."""
        return TEST_INS_OIDS if self.environment is Environment.LOCAL else INS_OIDS - TEST_INS_OIDS

    @property
    def usual(self) -> Usual:
        """Up to how many accesses nobody looks."""
        return Usual(self.odd_records_per_hour, self.odd_unrelated_per_hour, self.odd_break_glass_per_hour)

    @property
    def policy(self) -> Policy:
        """The settings that rules need."""
        return Policy(
            feeding_needs_consent=self.feeding_needs_consent,
            occupational_medicine=self.occupational_medicine,
            pmi_needs_consent=self.pmi_needs_consent,
            session=timedelta(hours=self.session_consent_h),
            team=timedelta(days=self.team_consent_days),
            block_ends_delegations=self.block_ends_delegations,
            majority_notice=timedelta(days=self.majority_notice_days),
            invitation=timedelta(days=self.invitation_days),
            emergency=timedelta(minutes=self.emergency_minutes),
            break_glass_a_day=self.break_glass_per_day,
            regulation_a_day=self.regulation_per_day,
            colleague_confirms=self.break_glass_confirmed,
            case_answer=timedelta(days=self.case_answer_days),
            extract_approval=timedelta(days=self.extract_approval_days),
            objection=timedelta(days=self.objection_days),
            archive_years=self.archive_years,
            archive_notice=timedelta(days=self.archive_notice_days),
            deletion=timedelta(days=self.deletion_days),
        )
