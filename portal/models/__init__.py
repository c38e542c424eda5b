"""Rows, and nothing clever: one file per noun."""

from portal.models.allocation import AllocationRow
from portal.models.audit import AuditRow
from portal.models.cluster import ClusterRow, NodeRow, QueueNoteRow
from portal.models.job import JobEventRow, JobRow, JobSecretRow, ReplicaRow
from portal.models.key_print import KeyPrintRow
from portal.models.mail import MailRow
from portal.models.plugin import PluginMarkRow
from portal.models.probe import ProbeRow
from portal.models.ssh_key import SshKeyRow
from portal.models.submission_key import SubmissionKeyRow
from portal.models.tally import TallyRow
from portal.models.template import TemplateRow
from portal.models.user import GroupMemberRow, GroupRow, UserChoiceRow, UserRow
from portal.models.virtual_cluster import VcMemberRow, VcRow

FIRST = (
    JobRow,
    JobEventRow,
    JobSecretRow,
    ReplicaRow,
    NodeRow,
    ClusterRow,
    VcRow,
    VcMemberRow,
    UserChoiceRow,
    TemplateRow,
)
"""Tables that the first migration makes."""
OWNED = (
    *FIRST,
    AuditRow,
    AllocationRow,
    SshKeyRow,
    MailRow,
    TallyRow,
    KeyPrintRow,
    QueueNoteRow,
    PluginMarkRow,
    ProbeRow,
    SubmissionKeyRow,
)
"""Tables that the migrations make; ``ab_user`` is not among them."""

__all__ = [
    "FIRST",
    "OWNED",
    "AllocationRow",
    "AuditRow",
    "ClusterRow",
    "GroupMemberRow",
    "GroupRow",
    "JobEventRow",
    "JobRow",
    "JobSecretRow",
    "KeyPrintRow",
    "MailRow",
    "NodeRow",
    "PluginMarkRow",
    "ProbeRow",
    "QueueNoteRow",
    "ReplicaRow",
    "SshKeyRow",
    "SubmissionKeyRow",
    "TallyRow",
    "TemplateRow",
    "UserChoiceRow",
    "UserRow",
    "VcMemberRow",
    "VcRow",
]
