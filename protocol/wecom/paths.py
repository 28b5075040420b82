"""Every path of WeCom's server API that is known here, simulated or not: the chapter it belongs to, and its method.

The ground of what is said about coverage, and of the hint at a misspelt path. Where the method is `-`, nobody who calls
the path was looked at closely enough to say.
"""

from typing import Final, NamedTuple


class KnownPath(NamedTuple):
    """A path below `/cgi-bin/`. The method is GET, POST or unknown: empty."""

    path: str
    method: str
    chapter: str


_PATHS: Final = """
# Token, network, application
GET gettoken getcallbackip get_api_domain_ip get_jsapi_ticket ticket/get agent/get agent/list
POST agent/set agent/set_workbench_template agent/get_workbench_template agent/set_workbench_data menu/create
GET menu/get menu/delete auth/getuserinfo user/getuserinfo
POST auth/getuserdetail
GET user/authsucc
POST auth/get_tfa_info user/tfa_succ
GET miniprogram/jscode2session
# Members
POST user/create
GET user/get
POST user/update
GET user/delete
POST user/batchdelete
GET user/simplelist user/list
POST user/list_id user/getuserid user/get_userid_by_email user/convert_to_openid user/convert_to_userid batch/invite
GET corp/get_join_qrcode
POST user/get_active_stat batch/userid_to_openuserid batch/openuserid_to_userid batch/syncuser batch/replaceuser
  batch/replaceparty
GET batch/getresult
POST export/simple_user export/user export/department export/taguser
GET export/get_result
# Departments and address-book tags
POST department/create department/update
GET department/delete department/list department/simplelist department/get
POST tag/create tag/update
GET tag/delete tag/get
POST tag/addtagusers tag/deltagusers
GET tag/list
# Media
POST media/upload media/uploadimg
GET media/get media/get/jssdk
POST media/upload_attachment media/upload_by_url media/get_upload_by_url_result
# App messages and app group chats
POST message/send message/recall message/update_template_card message/get_statistics message/update_taskcard
  appchat/create appchat/update
GET appchat/get
POST appchat/send webhook/send webhook/upload_media externalcontact/message/send linkedcorp/message/send
# Customers
GET externalcontact/get_follow_user_list externalcontact/list externalcontact/get
POST externalcontact/batch/get_by_user externalcontact/remark externalcontact/contact_list
  externalcontact/close_temp_chat
# Contact ways and join ways
POST externalcontact/add_contact_way externalcontact/get_contact_way externalcontact/list_contact_way
  externalcontact/update_contact_way externalcontact/del_contact_way externalcontact/groupchat/add_join_way
  externalcontact/groupchat/get_join_way externalcontact/groupchat/update_join_way
  externalcontact/groupchat/del_join_way
# Tags of customers
POST externalcontact/get_corp_tag_list externalcontact/add_corp_tag externalcontact/edit_corp_tag
  externalcontact/del_corp_tag externalcontact/mark_tag externalcontact/get_strategy_tag_list
  externalcontact/add_strategy_tag externalcontact/edit_strategy_tag externalcontact/del_strategy_tag
# Rule groups
POST externalcontact/customer_strategy/list externalcontact/customer_strategy/get
  externalcontact/customer_strategy/get_range externalcontact/customer_strategy/create
  externalcontact/customer_strategy/edit externalcontact/customer_strategy/del externalcontact/moment_strategy/list
  externalcontact/moment_strategy/get externalcontact/moment_strategy/get_range externalcontact/moment_strategy/create
  externalcontact/moment_strategy/edit externalcontact/moment_strategy/del
# Inheritance
POST externalcontact/transfer_customer externalcontact/transfer_result externalcontact/get_unassigned_list
  externalcontact/resigned/transfer_customer externalcontact/resigned/transfer_result
  externalcontact/groupchat/transfer externalcontact/groupchat/onjob_transfer externalcontact/transfer
  externalcontact/get_transfer_result
# Customer groups and statistics
POST externalcontact/groupchat/list externalcontact/groupchat/get externalcontact/opengid_to_chatid
  externalcontact/groupchat/statistic externalcontact/groupchat/statistic_group_by_day
  externalcontact/get_user_behavior_data
# Welcome messages
POST externalcontact/send_welcome_msg externalcontact/group_welcome_template/add
  externalcontact/group_welcome_template/edit externalcontact/group_welcome_template/get
  externalcontact/group_welcome_template/del
# Mass messages
POST externalcontact/add_msg_template externalcontact/remind_groupmsg_send externalcontact/cancel_groupmsg_send
  externalcontact/get_groupmsg_list_v2 externalcontact/get_groupmsg_task externalcontact/get_groupmsg_send_result
  externalcontact/get_group_msg_result
# Moments
POST externalcontact/add_moment_task
GET externalcontact/get_moment_task_result
POST externalcontact/cancel_moment_task externalcontact/get_moment_list externalcontact/get_moment_task
  externalcontact/get_moment_customer_list externalcontact/get_moment_send_result externalcontact/get_moment_comments
# Acquisition links
POST externalcontact/customer_acquisition/list_link externalcontact/customer_acquisition/get
  externalcontact/customer_acquisition/create_link externalcontact/customer_acquisition/update_link
  externalcontact/customer_acquisition/delete_link externalcontact/customer_acquisition/customer
GET externalcontact/customer_acquisition_quota
POST externalcontact/customer_acquisition/statistic externalcontact/customer_acquisition/get_chat_info
# Product album and keyword rules
POST externalcontact/add_product_album externalcontact/get_product_album externalcontact/get_product_album_list
  externalcontact/update_product_album externalcontact/delete_product_album externalcontact/add_intercept_rule
GET externalcontact/get_intercept_rule_list
POST externalcontact/get_intercept_rule externalcontact/update_intercept_rule externalcontact/del_intercept_rule
# Id conversion
POST externalcontact/convert_to_openid externalcontact/unionid_to_external_userid
  externalcontact/unionid_to_external_userid_3rd externalcontact/from_service_external_userid
  externalcontact/to_service_external_userid externalcontact/get_new_external_userid
  externalcontact/groupchat/get_new_external_userid externalcontact/finish_external_userid_migration
  idconvert/unionid_to_external_userid idconvert/batch/external_userid_to_pending_id idconvert/external_tagid
  idconvert/open_kfid idconvert/convert_tmp_external_userid
GET externalcontact/get_subscribe_qr_code externalcontact/get_subscribe_mode
POST externalcontact/set_subscribe_mode
# Customers, as called until 2019
- crm/get_external_contact_list crm/get_customer_contacts crm/get_external_contact crm/add_contact_way
  crm/get_contact_way crm/update_contact_way crm/del_contact_way crm/add_msg_template crm/get_group_msg_result
  crm/get_user_behavior_data crm/get_unassigned_list crm/transfer_external_contact
# Customer service: accounts, servicers, sessions
POST kf/account/add kf/account/del kf/account/update kf/account/list kf/add_contact_way kf/servicer/add
  kf/servicer/del
GET kf/servicer/list
POST kf/service_state/get kf/service_state/trans kf/customer/batchget
GET kf/customer/get_upgrade_service_config
POST kf/customer/upgrade_service kf/customer/cancel_upgrade_service
GET kf/get_corp_qualification
POST kf/get_corp_statistic kf/get_servicer_statistic kf/knowledge/add_group kf/knowledge/del_group
  kf/knowledge/mod_group kf/knowledge/list_group kf/knowledge/add_intent kf/knowledge/mod_intent
  kf/knowledge/del_intent kf/knowledge/list_intent
# Customer service: messages
POST kf/sync_msg kf/send_msg kf/send_msg_on_event
# Payments
POST externalpay/get_bill_list externalpay/getmerchant externalpay/set_mch_use_scope externalpay/addmerchant
  externalpay/delmerchant externalpay/get_payment_info externalpay/get_fund_flow
# Linked enterprises
- corpgroup/corp/list_app_share_info corpgroup/corp/gettoken miniprogram/transfer_session
  corpgroup/miniprogram/transfer_session corpgroup/unionid_to_external_userid corpgroup/unionid_to_pending_id
  corpgroup/batch/external_userid_to_pending_id corpgroup/corp/get_chain_list corpgroup/corp/get_chain_group
  corpgroup/corp/get_chain_corpinfo corpgroup/corp/get_chain_corpinfo_list corpgroup/corp/get_chain_user_custom_id
  corpgroup/corp/remove_corp corpgroup/import_chain_contact corpgroup/getresult corpgroup/rule/list_ids
  corpgroup/rule/get_rule_info corpgroup/rule/add_rule corpgroup/rule/modify_rule corpgroup/rule/delete_rule
  linkedcorp/agent/get_perm_list linkedcorp/user/get linkedcorp/user/list linkedcorp/user/simplelist
  linkedcorp/department/list
# Message archive
- msgaudit/get_permit_user_list msgaudit/check_single_agree msgaudit/check_room_agree msgaudit/groupchat/get
  msgaudit/get_robot_info
# Invoices
- card/invoice/reimburse/getinvoiceinfo card/invoice/reimburse/getinvoiceinfobatch
  card/invoice/reimburse/updateinvoicestatus card/invoice/reimburse/updatestatusbatch
# Check-in
- checkin/add_checkin_option checkin/addcheckinuserface checkin/clear_checkin_option_array_field
  checkin/del_checkin_option checkin/getcheckin_daydata checkin/getcheckin_monthdata checkin/getcheckindata
  checkin/getcheckinoption checkin/getcheckinschedulist checkin/getcorpcheckinoption checkin/punch_correction
  checkin/setcheckinschedulist checkin/update_checkin_option
# Corp level
- corp/getapprovaldata corp/getopenapprovaldata corp/to_open_corpid
# Phone records
- dial/get_dial_record
# Health reports
- health/get_health_report_stat health/get_report_answer health/get_report_job_info health/get_report_jobids
# Provider licence accounts
- license/active_account license/batch_active_account license/batch_get_active_info_by_code
  license/batch_share_active_code license/batch_transfer_license license/cancel_order license/create_new_order
  license/create_renew_order_job license/get_active_info_by_code license/get_active_info_by_user
  license/get_app_license_info license/get_auto_active_status license/get_order license/list_actived_account
  license/list_order license/list_order_account license/set_auto_active_status license/submit_order_job
# Live streaming
- living/cancel living/create living/delete_replay_data living/get_living_code living/get_living_info
  living/get_living_share_info living/get_user_all_livingid living/get_user_livingid living/get_watch_stat
  living/modify
# Meetings
- meeting/cancel meeting/create meeting/get_info meeting/get_user_meetingid meeting/update
# Approval, calendar, meeting rooms, journal, vacation
- oa/applyevent oa/approval/copytemplate oa/approval/create_template oa/approval/update_template oa/calendar/add
  oa/calendar/del oa/calendar/get oa/calendar/update oa/getapprovaldetail oa/getapprovalinfo oa/gettemplatedetail
  oa/journal/download_wedrive_file oa/journal/export_doc oa/journal/get_record_detail oa/journal/get_record_list
  oa/journal/get_stat_list oa/meetingroom/add oa/meetingroom/book oa/meetingroom/book_by_meeting
  oa/meetingroom/book_by_schedule oa/meetingroom/bookinfo/get oa/meetingroom/cancel_book oa/meetingroom/del
  oa/meetingroom/edit oa/meetingroom/get_booking_info oa/meetingroom/get_booking_info_by_meeting_id
  oa/meetingroom/list oa/schedule/add oa/schedule/add_attendees oa/schedule/del oa/schedule/del_attendees
  oa/schedule/get oa/schedule/get_by_calendar oa/schedule/update oa/vacation/getcorpconf
  oa/vacation/getuservacationquota oa/vacation/setoneuserquota
# Emergency call
- pstncc/call pstncc/getstates
# Education
- school/agent/get_allow_scope school/department/create school/department/delete school/department/list
  school/department/update school/get_payment_result school/get_teacher_view_mode school/get_trade school/getuserinfo
  school/living/get_living_info school/living/get_unwatch_stat school/living/get_watch_stat school/set_arch_sync_mode
  school/set_teacher_view_mode school/set_upgrade_info school/user/batch_create_parent
  school/user/batch_create_student school/user/batch_delete_parent school/user/batch_delete_student
  school/user/batch_update_parent school/user/batch_update_student school/user/create_parent
  school/user/create_student school/user/delete_parent school/user/delete_student school/user/get
  school/user/get_health_qrcode school/user/get_student_customize_health_info
  school/user/get_teacher_customize_health_info school/user/list school/user/list_parent school/user/update_parent
  school/user/update_student
# Security
- security/get_file_oper_record security/trustdevice/approve security/trustdevice/delete
  security/trustdevice/get_by_user security/trustdevice/import security/trustdevice/reject
# Providers of third-party apps
- service/add_device service/auth/getuserdetail3rd service/auth/getuserinfo3rd service/batch/getresult
  service/contact/batchsearch service/contact/id_translate service/contact/search service/contact/sort
  service/corpid_to_opencorpid service/del_device service/externalcontact/unionid_to_external_userid_3rd
  service/fetch_device_log service/get_admin_list service/get_app_qrcode service/get_auth_info service/get_corp_token
  service/get_customized_auth_url service/get_device_auth_info service/get_login_info service/get_order
  service/get_order_list service/get_permanent_code service/get_pre_auth_code service/get_provider_token
  service/get_register_code service/get_register_info service/get_suite_token service/getuserdetail3rd
  service/getuserinfo3rd service/list_device service/media/upload service/miniprogram/jscode2session
  service/prolong_try service/reset_secret_no service/set_session_info
# Documents and forms
- wedoc/create_doc wedoc/create_form wedoc/del_doc wedoc/doc_get_auth wedoc/doc_share wedoc/get_doc_base_info
  wedoc/get_form_answer wedoc/get_form_info wedoc/get_form_statistic wedoc/mod_doc_join_rule wedoc/mod_doc_member
  wedoc/mod_doc_safty_setting wedoc/modify_form wedoc/rename_doc
# Drive
- wedrive/file_acl_add wedrive/file_acl_del wedrive/file_create wedrive/file_delete wedrive/file_download
  wedrive/file_info wedrive/file_list wedrive/file_move wedrive/file_rename wedrive/file_setting wedrive/file_share
  wedrive/file_upload wedrive/mng_capacity wedrive/mng_pro_info wedrive/space_acl_add wedrive/space_acl_del
  wedrive/space_create wedrive/space_dismiss wedrive/space_info wedrive/space_rename wedrive/space_setting
  wedrive/space_share
"""


def _read(text: str) -> dict[str, KnownPath]:
    """Read lines of paths under a method, under the name of a chapter."""
    known: dict[str, KnownPath] = {}
    chapter = method = ""
    for line in text.split("\n"):
        if line.startswith("# "):
            chapter = line[2:]
            continue
        words = line.split()
        if words and words[0] in ("GET", "POST", "-"):
            method = words.pop(0).replace("-", "")
        known |= {path: KnownPath(path, method, chapter) for path in words}
    return known


PATHS: Final = _read(_PATHS)
