//! Rigs and end-to-end scenarios: the only place that starts everything
