-- While processes of two releases run on one book, each reads and fills the form of a read model that it knows: a
-- pointer for each form, where there was one for each read model.

alter table daybook.read_models drop constraint read_models_pkey;
alter table daybook.read_models add primary key (name, version);
