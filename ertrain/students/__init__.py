"""Theory beside training: teachers, students, widths, floors."""
