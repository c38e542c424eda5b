"""What the pages of people say in 中文, written by hand beside the English."""

from __future__ import annotations

from collections.abc import Callable

CHINESE = {
    "Account": "账号",
    "Account info": "账号信息",
    "Add a user": "添加一个用户",
    "Associate roles": "关联角色",
    "Bound as %s": "已绑定：%s",
    "Cancel": "取消",
    "Change password": "修改密码",
    "Create": "创建",
    "Create %s users": "创建 %s 个用户",
    "Create group": "创建用户组",
    "Delete %s": "删除 %s",
    "Delete group": "删除用户组",
    "Delete role": "删除角色",
    "Delete the group %s": "删除用户组 %s",
    "Delete the role %s": "删除角色 %s",
    "Delete the user %s": "删除用户 %s",
    "Delete user": "删除用户",
    "Description": "描述",
    "Group Name": "用户组名称",
    "It is the only way into your account": "这是您唯一的登录方式",
    "It is unbound": "已解绑",
    "Log out": "退出",
    "Manage user": "管理用户",
    "Manage VC": "管理虚拟集群",
    "New password": "新密码",
    "New SSH key": "新建 SSH 密钥",
    "New API key": "新建 API 密钥",
    "Next": "下一步",
    "Nickname": "昵称",
    "Password": "密码",
    "Password again": "确认密码",
    "Public key": "公钥",
    "Required": "必填",
    "Revoke": "撤销",
    "Role name": "角色名称",
    "Save": "保存",
    "Set a password": "设置密码",
    "Sign in": "登录",
    "Sign in with Microsoft": "使用 Microsoft 登录",
    "Sign in with WeChat": "使用微信登录",
    "Sign up": "注册",
    "Sorry, you are not authorized to access this page": "抱歉，您无权访问该页面",
    "Submit training job": "提交训练作业",
    "The account or the password is wrong.": "账号或密码错误。",
    "The group %s is created": "用户组 %s 已创建",
    "The role %s is saved": "角色 %s 已保存",
    "The two passwords differ": "两次输入的密码不一致",
    "The user %s is deleted": "用户 %s 已删除",
    "This is a private key": "这是私钥",
    "This username is taken": "此用户名已被使用",
    "To Bind": "去绑定",
    "Too many wrong passwords": "密码错误次数过多",
    "Unbind": "解绑",
    "Use at least 8 characters": "至少 8 个字符",
    "Username": "用户名",
    "View all users' jobs": "查看所有用户的作业",
    "View and manage all users' jobs": "查看与管理所有用户的作业",
    "View cluster status": "查看集群状态",
    "View VC": "查看虚拟集群",
    "Your WeChat is new here": "您的微信首次登录",
    "Your account has no role yet": "您的账号还没有角色",
    "Your account is created": "账号已创建",
    "already": "已添加过",
    "%s of 7": "%s / 7",
    "%s of 10": "%s / 10",
}
Say = Callable[..., str]


def speaker(language: str) -> Say:
    """Says an English sentence in a language; what is missing here fails the test."""

    def say(english: str, *values: object) -> str:
        words = CHINESE[english] if language == "zh" else english
        return words % values if values else words

    return say
