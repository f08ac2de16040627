-- Members, and organizations suspended.
SELECT pgbeam.set_organization('org_members');
SELECT pgbeam.set_member('org_members', 'user_1', 'owner');
SELECT pgbeam.set_member('org_members', 'user_2', 'member');
SELECT pgbeam.set_member('org_members', 'user_2', 'admin');
SELECT * FROM pgbeam.list_members('org_members');
SELECT pgbeam.set_member('org_members', 'user_3', 'Owner');
SELECT pgbeam.set_member('', repeat('u', 256), NULL);
SELECT pgbeam.set_member(NULL, NULL, NULL);
SELECT pgbeam.remove_member('org_members', 'user_2');
SELECT pgbeam.remove_member('org_members', 'user_2');
SELECT pgbeam.remove_member('org_members', NULL);
SELECT * FROM pgbeam.list_members('org_members');
SELECT * FROM pgbeam.list_members('org_nobodys');

SELECT pgbeam.suspend_organization('org_members');
SELECT suspended_at IS NOT NULL AS suspended FROM pgbeam.organizations WHERE org_id = 'org_members';
-- Another plan does not lift it.
SELECT pgbeam.set_organization('org_members', '{"plan": "pro"}') ->> 'suspended_at' IS NOT NULL AS suspended;
SELECT suspended_at IS NOT NULL AS suspended FROM pgbeam.organizations WHERE org_id = 'org_members';
SELECT pgbeam.resume_organization('org_members');
SELECT suspended_at IS NOT NULL AS suspended FROM pgbeam.organizations WHERE org_id = 'org_members';
SELECT pgbeam.suspend_organization('org_nobodys');
SELECT pgbeam.resume_organization(NULL);
