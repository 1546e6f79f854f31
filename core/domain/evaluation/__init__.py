"""How good a judge is, by the grades of people: datasets, figures, comparison, gate. All of it pure."""
