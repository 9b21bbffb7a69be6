//! The technician's tool: device identity, fleet CA, enrolment records
