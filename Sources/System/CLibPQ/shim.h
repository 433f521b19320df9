#pragma once
#include <libpq-fe.h>

// libpq's field codes are character macros, which Swift does not import.
static const int clibpq_diag_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int clibpq_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int clibpq_diag_message = PG_DIAG_MESSAGE_PRIMARY;
static const int clibpq_diag_detail = PG_DIAG_MESSAGE_DETAIL;
static const int clibpq_diag_hint = PG_DIAG_MESSAGE_HINT;
static const int clibpq_diag_context = PG_DIAG_CONTEXT;
static const int clibpq_diag_routine = PG_DIAG_SOURCE_FUNCTION;
