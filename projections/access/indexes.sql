create index on grants (first_index);
create index on grants (acts_as) where kind = 'token';
