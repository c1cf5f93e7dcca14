"""Pages and workbooks for people, made from the warehouse."""
